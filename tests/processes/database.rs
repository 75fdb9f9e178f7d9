//! A database that goes away in the middle of the day.

use crate::ONE_AT_A_TIME;
use crate::day::{open, until_attempts_grow, until_the_day_is_over, verdict};
use dialer_tests::contacts::contact_list;
use dialer_tests::rehearsal::Rehearsal;
use std::time::Duration;

// R107
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_comes_back_finds_nothing_lost_and_nothing_doubled() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let people = contact_list(60).people;
    let mut rehearsal = open("database", &people, &[]).await;
    rehearsal.start_dispatcher().await.unwrap();
    for _ in 0..2 {
        until_attempts_grow(&rehearsal, 30).await;
        until_ready_is(&rehearsal, 200).await;
        // The dispatcher's role is that of the database's name.
        let shut = "do $$ begin execute format('alter role %I nologin', current_database()); end $$;
            select pg_terminate_backend(pid) from pg_stat_activity where usename = current_database()";
        rehearsal.db.batch_execute(shut).await.unwrap();
        until_ready_is(&rehearsal, 503).await;
        let live = rehearsal.http.get(rehearsal.dispatcher_url(0, "/live")).send().await.unwrap();
        assert_eq!(live.status(), 200);
        let open = "do $$ begin execute format('alter role %I login', current_database()); end $$";
        rehearsal.db.batch_execute(open).await.unwrap();
        until_ready_is(&rehearsal, 200).await;
    }
    until_the_day_is_over(&rehearsal).await;
    verdict(&rehearsal, &people).await;
}

async fn until_ready_is(rehearsal: &Rehearsal, status: u16) {
    let url = rehearsal.dispatcher_url(0, "/ready");
    for _ in 0..2000 {
        let answer = rehearsal.http.get(&url).send().await.unwrap();
        if answer.status() == status {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("/ready never answered {status}; see {}", rehearsal.dir.display());
}
