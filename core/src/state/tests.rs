use super::*;

// D1
#[test]
fn our_machines_are_complete_and_end() {
    for (name, states, terminal) in [
        ("call", 7, vec!["cancelled", "completed", "expired", "failed"]),
        ("attempt", 7, vec!["ended", "released"]),
        ("preclassify", 11, vec!["classification_failed", "completed", "failed"]),
    ] {
        let machine = Machine::builtin(name).unwrap();
        assert_eq!(machine.states().len(), states, "{name}");
        let mut ends: Vec<&String> =
            machine.states().iter().filter(|s| machine.is_terminal(s)).collect();
        ends.sort();
        assert_eq!(ends, terminal.iter().collect::<Vec<_>>(), "{name}");
    }
}

// R081, R093, R126-R132
#[test]
fn the_two_call_workflow_takes_its_paths() {
    let machine = Machine::builtin("preclassify").unwrap();
    let walk = |path: &[&str]| path.windows(2).all(|step| machine.allows(step[0], step[1]));
    assert!(walk(&["new", "checking_classification", "ready_to_call", "calling", "completed"]));
    assert!(walk(&[
        "checking_classification",
        "needs_classification",
        "classifying",
        "classification_pending",
        "ready_to_call"
    ]));
    assert!(walk(&["calling", "retry_pending", "ready_to_call"]));
    assert!(walk(&["retry_pending", "failed"]));
    assert!(walk(&["classifying", "classification_failed"]));
    assert!(!walk(&["completed", "retry_pending"]));
    assert!(!walk(&["new", "calling"]));
}

#[test]
fn a_machine_that_makes_no_sense_is_refused() {
    assert!(Machine::new("m", "a", &[]).is_err());
    assert!(Machine::new("m", "a", &[("a", "a")]).is_err());
    assert!(Machine::new("m", "a", &[("a", "b"), ("c", "a")]).is_err());
    assert!(Machine::new("m", "a", &[("a", "b\n--> x")]).is_err());
    let names: Vec<String> = (0..65).map(|n| format!("s{n}")).collect();
    let chain: Vec<(&str, &str)> =
        names.windows(2).map(|w| (w[0].as_str(), w[1].as_str())).collect();
    assert!(Machine::new("m", "s0", &chain).is_err());
    assert!(Machine::new("m", "s0", &chain[..63]).is_ok());
}
