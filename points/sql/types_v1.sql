-- What every call is told besides its numbers, and what every call answers.
CREATE TYPE points_context AS (
    actor_type text,
    actor_id text,
    reason text,
    note text,
    store_id bigint,
    brand_id bigint,
    explanation jsonb,
    occurred_at timestamptz,
    now timestamptz,
    expected_seq bigint
);

CREATE TYPE points_posting AS (
    entry_id bigint,
    seq bigint,
    points bigint,
    debt_delta bigint,
    balance bigint,
    held bigint,
    debt bigint,
    replayed boolean
);
