"""Tags of staged rows as SQL. A staged cell holds ids with `|`, `+name` for a tag that is yet to be made, and
`-id` for one that a column of its own answers with no.
"""

from __future__ import annotations

# A name that was undefined when the rows were checked has got its id by now; a merged tag leads on.
TAG_ID = """(
    SELECT coalesce(t.merged_into_id, t.id) FROM members_tag t
    WHERE t.id = CASE WHEN left(word, 1) = '+' THEN (%(made)s::jsonb ->> word)::bigint ELSE word::bigint END
)"""


def tag_change(
    member: str, text: str, mode: str, *, listed: bool = True, kept: str = "", first: str = "true"
) -> str:
    """jsonb: {"tags": {"add": [...], "remove": [[tag, origin, its number, time], ...]}}, or {} for no
    difference.

    `add` holds the words of the cell that the member lacks, as they are staged. `kept` is a query for the ids
    that replacing leaves (those of the cell), `first` says which row of a member does the replacing. Where no
    list of tags is given (`listed`), only what a column answers with no is taken away.
    """
    words = f"string_to_array({text}, '|')"
    lacking = f"""(
        SELECT jsonb_agg(word ORDER BY word) FROM unnest({words}) word
        WHERE left(word, 1) <> '-' AND (left(word, 1) = '+' OR NOT EXISTS (
            SELECT FROM members_membertag c WHERE c.member_id = {member} AND c.tag_id = {known("word")}))
    )"""
    # Of a cell that says nothing nothing is taken away.
    carried = (
        f"SELECT jsonb_agg({TRACE} ORDER BY c.tag_id) FROM members_membertag c WHERE c.member_id = {member}"
    )
    ids = f"(SELECT {known('word')} FROM unnest({words}) word WHERE left(word, 1) NOT IN ('+', '-'))"
    refused = f"(SELECT {known('substr(word, 2)')} FROM unnest({words}) word WHERE left(word, 1) = '-')"
    replaced = (
        f"(CASE WHEN {first} THEN ({carried} AND c.tag_id NOT IN ({kept or ids})) END)"
        if listed
        else f"({carried} AND c.tag_id IN {refused} AND c.tag_id NOT IN ({kept or ids}))"
    )
    removed = {
        "add": "NULL::jsonb",
        "replace": replaced,
        "remove": f"({carried} AND c.tag_id IN {ids})",
    }[mode]
    added = "NULL::jsonb" if mode == "remove" else lacking
    return f"""(
        SELECT CASE WHEN {text} IS NULL OR (added IS NULL AND removed IS NULL) THEN '{{}}'::jsonb
            ELSE jsonb_build_object('tags', jsonb_build_object('add', added, 'remove', removed)) END
        -- Without the OFFSET each of the two would be looked for twice.
        FROM (SELECT {added} AS added, {removed} AS removed OFFSET 0) tagging
    )"""


def known(word: str) -> str:
    """The id behind a staged id, led on by a merge."""
    return f"(SELECT coalesce(t.merged_into_id, t.id) FROM members_tag t WHERE t.id = {word}::bigint)"


TRACE = "jsonb_build_array(c.tag_id, c.origin, c.origin_id, c.at)"

# For applied rows of the span: tags that a new member gets, and those that the changes of a known one name.
GIVE = """
INSERT INTO members_membertag (member_id, tag_id, origin, origin_id, at)
SELECT DISTINCT r.subject_id, coalesce(t.merged_into_id, t.id), 'import', %(batch)s, %(now)s::timestamptz
FROM backoffice_importrow r
CROSS JOIN LATERAL (
    SELECT unnest(string_to_array(r.cells[%(tags_at)s], '|')) AS word WHERE r.outcome = 'new'
    UNION ALL
    SELECT jsonb_array_elements_text(r.changes -> 'tags' -> 'add')
    WHERE r.outcome = 'changed' AND jsonb_typeof(r.changes -> 'tags' -> 'add') = 'array'
) words
JOIN members_tag t ON t.id =
    CASE WHEN left(word, 1) = '+' THEN (%(made)s::jsonb ->> word)::bigint ELSE word::bigint END
WHERE r.batch_id = %(batch)s AND r.line BETWEEN %(first)s AND %(last)s
  AND r.outcome IN ('new', 'changed') AND r.done = 'applied'
ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""
TAKE = """
DELETE FROM members_membertag c
USING backoffice_importrow r
CROSS JOIN LATERAL jsonb_array_elements(r.changes -> 'tags' -> 'remove') gone
WHERE r.batch_id = %(batch)s AND r.line BETWEEN %(first)s AND %(last)s
  AND r.outcome = 'changed' AND r.done = 'applied' AND jsonb_typeof(r.changes -> 'tags' -> 'remove') = 'array'
  AND c.member_id = r.subject_id AND c.tag_id = (gone ->> 0)::bigint
"""
# What a row of an undo gave and took, as rows of words and of traces.
ADDED = """jsonb_array_elements_text(
    CASE WHEN jsonb_typeof({row}.changes -> 'tags' -> 'add') = 'array' THEN {row}.changes -> 'tags' -> 'add'
    ELSE '[]' END
)"""
REMOVED = """jsonb_array_elements(
    CASE WHEN jsonb_typeof({row}.changes -> 'tags' -> 'remove') = 'array'
    THEN {row}.changes -> 'tags' -> 'remove' ELSE '[]' END
)"""
# Rows of the member before this one. What two rows of a file name belongs to the first that was carried out.
EARLIER = """e.batch_id = r.batch_id AND e.other_key = r.other_key AND e.subject_id = r.subject_id
      AND e.line < r.line AND e.outcome = 'changed'"""
CARRIED_OUT = "e.done IN ('applied', 'undone', 'kept')"
OURS = "(c.origin = 'import' AND c.origin_id = %(batch)s)"


def _gave_before(tag: str, ended: str) -> str:
    """Whether an earlier row of the member that ended so gave the tag."""
    return f"""EXISTS (
        SELECT FROM backoffice_importrow e CROSS JOIN LATERAL {ADDED.format(row="e")} before
        WHERE {EARLIER} AND {ended} AND {TAG_ID.replace("word", "before")} = {tag})"""


def _took_before(tag: str, ended: str) -> str:
    """The same for a tag that it took."""
    return f"""EXISTS (
        SELECT FROM backoffice_importrow e CROSS JOIN LATERAL {REMOVED.format(row="e")} before
        WHERE {EARLIER} AND {ended} AND {known("(before ->> 0)")} = {tag})"""


# Rows of the member before such an earlier one.
SOONER = """f.batch_id = e.batch_id AND f.other_key = e.other_key AND f.subject_id = e.subject_id
      AND f.line < e.line AND f.outcome = 'changed' AND f.done IN ('applied', 'undone', 'kept')"""


def _gave_first(tag: str, ended: str) -> str:
    """Whether the row of the member that was the first to give the tag is an earlier one that ended so."""
    return f"""EXISTS (
        SELECT FROM backoffice_importrow e CROSS JOIN LATERAL {ADDED.format(row="e")} before
        WHERE {EARLIER} AND {ended} AND {TAG_ID.replace("word", "before")} = {tag} AND NOT EXISTS (
            SELECT FROM backoffice_importrow f CROSS JOIN LATERAL {ADDED.format(row="f")} sooner
            WHERE {SOONER} AND {TAG_ID.replace("word", "sooner")} = {tag}))"""


def _took_first(tag: str, ended: str) -> str:
    """The same for a tag that it took."""
    return f"""EXISTS (
        SELECT FROM backoffice_importrow e CROSS JOIN LATERAL {REMOVED.format(row="e")} before
        WHERE {EARLIER} AND {ended} AND {known("(before ->> 0)")} = {tag} AND NOT EXISTS (
            SELECT FROM backoffice_importrow f CROSS JOIN LATERAL {REMOVED.format(row="f")} sooner
            WHERE {SOONER} AND {known("(sooner ->> 0)")} = {tag}))"""


# Whether somebody else has had a hand in what the row itself did: gave one of its tags by himself, or gave
# back one that it took away.
TOUCHED = f"""(
    EXISTS (
        SELECT FROM {ADDED.format(row="r")} word
        JOIN members_membertag c ON c.member_id = r.subject_id AND c.tag_id = {TAG_ID}
        WHERE NOT {OURS} AND NOT {_gave_before("c.tag_id", CARRIED_OUT)}
    ) OR EXISTS (
        SELECT FROM {REMOVED.format(row="r")} gone
        JOIN members_membertag c ON c.member_id = r.subject_id AND c.tag_id = {known("(gone ->> 0)")}
        WHERE NOT {OURS} AND NOT {_took_before("c.tag_id", CARRIED_OUT)}
    )
)"""
# A row that did nothing itself, because earlier ones name all that it names, stays where one of those stays.
# An undo comes to the earlier one last: then the row is found again by whom it is about.
STANDS = f"""
WITH kept AS MATERIALIZED (
    SELECT DISTINCT k.batch_id, k.other_key FROM backoffice_importrow k
    WHERE k.batch_id = %(batch)s AND k.line BETWEEN %(first)s AND %(last)s AND k.done = 'kept'
      AND k.other_key IS NOT NULL
), beside AS MATERIALIZED (
    SELECT kept.batch_id, o.line
    FROM kept CROSS JOIN LATERAL (
        SELECT line FROM backoffice_importrow
        WHERE batch_id = kept.batch_id AND other_key = kept.other_key AND done = 'undone' OFFSET 0
    ) o
)
UPDATE backoffice_importrow r SET done = 'kept'
FROM beside
WHERE r.batch_id = beside.batch_id AND r.line = beside.line
  AND (EXISTS (SELECT FROM {ADDED.format(row="r")} word WHERE {_gave_first(TAG_ID, "e.done = 'kept'")})
       OR EXISTS (SELECT FROM {REMOVED.format(row="r")} gone
                  WHERE {_took_first(known("(gone ->> 0)"), "e.done = 'kept'")}))
  AND NOT EXISTS (SELECT FROM {ADDED.format(row="r")} word WHERE NOT {_gave_before(TAG_ID, CARRIED_OUT)})
  AND NOT EXISTS (SELECT FROM {REMOVED.format(row="r")} gone
                  WHERE NOT {_took_before(known("(gone ->> 0)"), CARRIED_OUT)})
"""
# An undo: what the row gave goes, what it took comes back with where it had come from. What an earlier row
# gave or took is that one's, whether its turn has come or not. A member who came in with the file goes with
# all his tags.
TAKE_BACK = f"""
DELETE FROM members_membertag c
USING backoffice_importrow r
WHERE r.batch_id = %(batch)s AND r.line BETWEEN %(first)s AND %(last)s AND r.done = 'undone'
  AND c.member_id = r.subject_id AND {OURS}
  AND (r.outcome = 'new' OR (
    EXISTS (SELECT FROM {ADDED.format(row="r")} word WHERE {TAG_ID} = c.tag_id)
    AND NOT {_gave_before("c.tag_id", CARRIED_OUT)}))
"""
GIVE_BACK = f"""
INSERT INTO members_membertag (member_id, tag_id, origin, origin_id, at)
SELECT r.subject_id, coalesce(t.merged_into_id, t.id), gone ->> 1, (gone ->> 2)::bigint, (gone ->>
  3)::timestamptz
FROM backoffice_importrow r
CROSS JOIN LATERAL jsonb_array_elements(r.changes -> 'tags' -> 'remove') gone
JOIN members_tag t ON t.id = (gone ->> 0)::bigint
WHERE r.batch_id = %(batch)s AND r.line BETWEEN %(first)s AND %(last)s AND r.done = 'undone'
  AND jsonb_typeof(r.changes -> 'tags' -> 'remove') = 'array'
  AND NOT {_took_before("coalesce(t.merged_into_id, t.id)", CARRIED_OUT)}
ON CONFLICT DO NOTHING
"""
