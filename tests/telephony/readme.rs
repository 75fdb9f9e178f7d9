//! The README's way from nothing to a call, as it stands there.

use crate::trial::Trial;
use std::time::Instant;

const README: &str = include_str!("../../README.md");

/// The SQL of a section of the README.
fn sql_of(section: &str) -> String {
    let (_, after) = README.split_once(&format!("\n## {section}\n")).unwrap();
    let (text, _) = after.split_once("\n## ").unwrap();
    let blocks = text.split("```sql\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readme_leads_to_real_calls() {
    let begun = Instant::now();
    let Some(mut trial) = Trial::bare("readme", 20).await else { return };
    let sql = sql_of("Asterisk in full");
    assert!(sql.contains("127.0.0.41") && sql.contains("PBX_PASSWORD"), "{sql}");
    let sql = sql.replace("127.0.0.41", &trial.peer.ip).replace("PBX_PASSWORD", "REHEARSAL_KEY");
    trial.rehearsal.db.batch_execute(&sql).await.unwrap();
    trial.rehearsal.start_dispatcher().await.unwrap();
    trial.until_over().await;
    assert_eq!(trial.judge(&[], 0).await, 3);
    trial.tell("the README's calls", &[], begun).await;
    const HISTORY: &str = "select contact, outcome::text, word from dialer.call_history order by 1";
    let rows = trial.rehearsal.db.query(HISTORY, &[]).await.unwrap();
    let told: Vec<(String, String, String)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    let expected =
        [("Ada", "completed", "16"), ("Ben", "busy", "486"), ("Kai", "no_answer", "480")];
    assert_eq!(told, expected.map(|(a, b, c)| (a.into(), b.into(), c.into())));
    let mut doctor = trial.rehearsal.program(&["doctor", "--account", "pbx"]);
    let output = doctor.env("REHEARSAL_KEY", "rehearsal-key").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("pbx (asterisk, default): Asterisk "), "{told}");
    assert!(told.contains("PJSIP/trunk is online"), "{told}");
}
