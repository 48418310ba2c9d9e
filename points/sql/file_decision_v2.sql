-- What two people have approved for each other since: corrections, and files of points, by what both moved. A file is
-- asked for by everybody who had a hand in it: who uploaded it, who decided about it, who confirmed it.
CREATE OR REPLACE FUNCTION points_approved_for_v1(p_asker bigint, p_approver bigint, p_since timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT (SELECT coalesce(sum(abs(o.points)), 0) FROM points_adjustment o
            WHERE o.requested_by_id = p_asker AND o.approved_by_id = p_approver
              AND o.status = 'applied' AND o.decided_at > p_since)::bigint
         + (SELECT coalesce(sum((b.totals ->> 'moved')::bigint), 0) FROM backoffice_importbatch b
            WHERE (p_asker IN (b.owner_id, b.confirmer_id) OR p_asker = ANY (b.deciders))
              AND b.approver_id = p_approver AND b.kind = 'points'
              AND b.state IN ('held', 'applying', 'applied', 'undoing', 'undone') AND b.approved_at > p_since)::bigint
$$;
