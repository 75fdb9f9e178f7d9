//! The extension as a whole: it comes, goes, comes back, and explains itself.

use crate::database::Database;
use expect_test::expect;

#[tokio::test]
async fn the_extension_installs_drops_and_installs_again() {
    let db = Database::empty().await;
    for _ in 0..2 {
        db.run("create extension pg_dialer").await;
        db.check("select count(*) from pg_extension where extname = 'pg_dialer'", expect!["1"])
            .await;
        db.run("drop extension pg_dialer cascade").await;
        db.check(
            "select count(*) from pg_proc p where p.pronamespace = 'dialer'::regnamespace",
            expect!["0"],
        )
        .await;
    }
}

#[tokio::test]
async fn everything_in_the_schema_has_a_comment() {
    let db = Database::fresh().await;
    db.check(
        "select object.kind, object.name
         from (
             select 'pg_proc'::regclass as catalog, oid, 'function' as kind, oid::regprocedure::text as name
             from pg_proc where pronamespace = 'dialer'::regnamespace
             union all
             select 'pg_class'::regclass, oid, 'relation', oid::regclass::text
             from pg_class where relnamespace = 'dialer'::regnamespace and relkind in ('r', 'p', 'v', 'm')
             union all
             select 'pg_type'::regclass, type.oid, 'type', type.oid::regtype::text
             from pg_type type left join pg_class class on class.oid = type.typrelid
             where type.typnamespace = 'dialer'::regnamespace
               and type.typelem = 0 and type.typtype in ('b', 'e', 'd', 'c')
               and (type.typtype <> 'c' or class.relkind = 'c')
         ) object
         where obj_description(object.oid, object.catalog::text::name) is null
         order by 1, 2",
        expect![""],
    )
    .await;
}

#[tokio::test]
async fn security_definer_functions_fix_their_search_path() {
    let db = Database::fresh().await;
    db.check(
        "select oid::regprocedure from pg_proc
         where pronamespace = 'dialer'::regnamespace and prosecdef
           and not exists (select from unnest(proconfig) setting where setting like 'search_path=pg_catalog%')
         order by 1",
        expect![""],
    )
    .await;
}
