-- The application's role reads the books and calls the functions; it writes no ledger table itself, nor the counters
-- that limit its users. A function that a later version took the place of is closed to it.
DO $$
DECLARE
    f regprocedure;
    retired text[] := ARRAY['points_adjust_v1', 'points_adjust_v2', 'points_adjust_v3',
                             'points_spend_v1', 'points_hold_v1', 'points_capture_v1'];
BEGIN
    FOR f IN SELECT p.oid::regprocedure FROM pg_proc p
             JOIN pg_namespace s ON s.oid = p.pronamespace
             WHERE s.nspname = 'public' AND p.proname LIKE 'points\_%'
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'shuke_app') THEN
        REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON
            points_account, points_entry, points_lot, points_lotuse, points_lotextension,
            points_hold, points_holdlot, points_pendingcredit,
            points_staffdaytotal, points_receiverdaytotal, points_storedaytotal,
            points_fold, points_daytotal, points_settlementtotal FROM shuke_app;
        REVOKE DELETE ON points_adjustment, points_expirynotice, points_proof, points_correctionlimit,
            backoffice_outboxmessage FROM shuke_app;
        GRANT UPDATE (spend_blocked) ON points_account TO shuke_app;
        FOR f IN SELECT p.oid::regprocedure FROM pg_proc p
                 JOIN pg_namespace s ON s.oid = p.pronamespace
                 WHERE s.nspname = 'public' AND p.proname LIKE 'points\_%' AND p.prosecdef
        LOOP
            IF split_part(f::text, '(', 1) = ANY(retired) THEN
                EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM shuke_app', f);
            ELSE
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO shuke_app', f);
            END IF;
        END LOOP;
    END IF;
END $$;
