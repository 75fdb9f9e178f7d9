//! `docs/reference.md` is made from the comments in the database, so it cannot be out of date.
//! `UPDATE_EXPECT=1` writes it.

use crate::database::Database;
use std::path::Path;

const PAGE: &str = "docs/reference.md";
const HEAD: &str = "# Reference\n\nEverything in the schema `dialer`, from its own comments.\nErrors are listed in [errors.md](errors.md).\n";

const FUNCTIONS: &str = "
    select format(E'### `dialer.%s`\\n\\n```\\n(%s)\\n-> %s\\n```\\n\\n%s\\n', p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
                  obj_description(p.oid, 'pg_proc'))
    from pg_proc p
    where p.pronamespace = 'dialer'::regnamespace and p.prorettype <> 'trigger'::regtype and p.prokind = 'f'
      and not exists (select from pg_type t where p.oid in (t.typinput, t.typoutput, t.typreceive, t.typsend))
    order by p.proname, pg_get_function_arguments(p.oid)";
const RELATIONS: &str = "
    select format(E'### `dialer.%s` (%s)\\n\\n%s\\n', c.relname, case c.relkind when 'v' then 'view' else 'table' end, obj_description(c.oid, 'pg_class'))
    from pg_class c
    where c.relnamespace = 'dialer'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
    order by c.relname";
const TYPES: &str = "
    select format(E'### `dialer.%s`\\n\\n%s\\n', t.typname, obj_description(t.oid, 'pg_type'))
    from pg_type t
    where t.typnamespace = 'dialer'::regnamespace and t.typtype in ('b', 'e', 'c') and t.typcategory <> 'A'
      and (t.typrelid = 0 or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
    order by t.typname";

#[tokio::test]
async fn the_reference_is_what_the_comments_say() {
    let database = Database::fresh().await;
    let mut text = HEAD.to_string();
    for (title, query) in
        [("Functions", FUNCTIONS), ("Tables and views", RELATIONS), ("Types", TYPES)]
    {
        text += &format!("\n## {title}\n\n{}\n", database.rows(query).await);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the checkout").join(PAGE);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &text).expect("the page can be written");
    }
    let now = std::fs::read_to_string(&path).expect("the page exists");
    assert!(now == text, "{PAGE} is out of date: run the test with UPDATE_EXPECT=1");
}
