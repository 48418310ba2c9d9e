-- Entries of files and their good lines match one to one
SELECT CASE WHEN r.line IS NULL THEN concat('entry ', e.id)
            ELSE concat('import ', r.batch_id, ' line ', r.line) END AS subject,
       CASE WHEN r.line IS NULL THEN concat('of ', e.points, ' names ', e.source_id, ', which is no line of a file')
            WHEN r.status = 'ok' THEN 'is booked, and has no entry'
            ELSE concat('was refused, and has entry ', r.entry_id) END AS detail
FROM audit.import_row r
FULL JOIN (SELECT id, points, source_id FROM audit.ledger_entry
           WHERE kind = 'import' AND source_type = 'import') e ON e.id = r.entry_id
WHERE r.line IS NULL OR (r.status = 'ok') <> (e.id IS NOT NULL)
