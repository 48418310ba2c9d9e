-- The application's role reads the books and calls the functions; it writes no ledger table itself.
DO $$
DECLARE
    f regprocedure;
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
            points_hold, points_holdlot, points_pendingcredit FROM shuke_app;
        REVOKE DELETE ON points_adjustment, points_staffdaytotal, points_expirynotice, points_proof,
            backoffice_outboxmessage FROM shuke_app;
        GRANT UPDATE (spend_blocked) ON points_account TO shuke_app;
        FOR f IN SELECT p.oid::regprocedure FROM pg_proc p
                 JOIN pg_namespace s ON s.oid = p.pronamespace
                 WHERE s.nspname = 'public' AND p.proname LIKE 'points\_%' AND p.prosecdef
        LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO shuke_app', f);
        END LOOP;
    END IF;
END $$;
