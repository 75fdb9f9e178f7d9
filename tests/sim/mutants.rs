//! Has the simulation teeth? Each defect is switched on alone, in a database of its own, and the
//! simulation has to find it; without any, the same seeds find nothing.
//!
//! `make mutants` runs only this, and tells what killed each; `MUTANT=moves` those of whose names it is
//! a part, `FOCUS=Law` those of worlds that are about that.

use crate::dispatcher::Habit;
use crate::world::{Change, Focus, NO_MUTANT, Plan};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// With how many seeds a mutant is tried before it is said to survive, and how many find nothing
/// where there is nothing.
const SEEDS: u64 = 10;
const SOUND_SEEDS: u64 = 2;
const STEPS: usize = 400;
/// LIMIT: as many at once as a small machine has processors.
const AT_ONCE: usize = 2;

const SOUND: &str = "none";

struct Mutant {
    name: &'static str,
    changes: Vec<Change>,
    habit: Habit,
    focus: Focus,
}

impl Mutant {
    /// In a world where it is likely to show.
    fn among(self, focus: Focus) -> Mutant {
        Mutant { focus, ..self }
    }
}

fn function(name: &'static str, sound: &'static str, broken: &'static str) -> Change {
    Change::Function { name, sound, broken }
}

fn mutant(name: &'static str, changes: Vec<Change>) -> Mutant {
    Mutant { name, changes, habit: Habit::Sound, focus: Focus::Wide }
}

fn habit(name: &'static str, habit: Habit) -> Mutant {
    Mutant { name, changes: Vec::new(), habit, focus: Focus::Wide }
}

fn mutants() -> Vec<Mutant> {
    let mut all = limits();
    all.extend(gates());
    all.extend(rules());
    all.extend(laws());
    all.extend(exemptions());
    all.extend(rates());
    all.extend(placing());
    all.extend(ending());
    all.extend([
        habit("sends again after an unknown answer", Habit::RetriesAfterUnknown),
        habit("trusts a lease to its end", Habit::TrustsTheLease),
        habit("sends without an intention", Habit::SendsWithoutIntention),
        habit("sends before the intention has committed", Habit::SendsBeforeTheCommit),
        habit("sends one attempt twice", Habit::SendsTwice),
        habit("forgets the rate while it waits", Habit::ForgetsTheRate).among(Focus::Rate),
        habit("gives back what may be ringing", Habit::GivesBackWhatMayRing),
    ]);
    all
}

fn limits() -> Vec<Mutant> {
    vec![
        mutant(
            "no lock on the account",
            vec![function("claim", "for update of k skip locked", "")],
        )
        .among(Focus::Reserve),
        mutant(
            "one open attempt is not counted",
            vec![function(
                "free_room",
                "account.max_concurrent - account.inbound_reserve - pending - count(*)",
                "account.max_concurrent - account.inbound_reserve - pending - greatest(count(*) - 1, 0)",
            )],
        ),
        mutant(
            "the reserve for inbound calls is forgotten",
            vec![function(
                "free_room",
                "account.max_concurrent - account.inbound_reserve - pending",
                "account.max_concurrent - pending",
            )],
        )
        .among(Focus::Reserve),
        mutant(
            "the tenant's limit counts only what is chosen now",
            vec![function(
                "free_room",
                "tenant.max_concurrent - tenant_chosen - pending - count(*)",
                "tenant.max_concurrent - tenant_chosen - pending - count(*) * 0",
            )],
        )
        .among(Focus::Tenant),
        mutant(
            "the tenant's limit forgets what the claim chose at another account",
            vec![function(
                "free_room",
                "tenant.max_concurrent - tenant_chosen - pending",
                "tenant.max_concurrent - pending",
            )],
        )
        .among(Focus::Tenant),
        mutant(
            "the campaign's limit counts only what is chosen now",
            vec![function(
                "pick_candidates",
                "else coalesce((select x.calls from open_calls x where x.campaign_id = c.campaign_id), 0) end",
                "else 0 end",
            )],
        )
        .among(Focus::Campaign),
        mutant(
            "a caller id's limit counts only what is chosen now",
            vec![function(
                "caller_rooms",
                "select l.caller_id from dialer.open_attempts(caller_rooms.account_id) l union all",
                "",
            )],
        )
        .among(Focus::Callers),
    ]
}

fn gates() -> Vec<Mutant> {
    vec![
        mutant(
            "a day is a day in UTC",
            vec![function("judge", "f.dialled, f.caps, f.tz)", "f.dialled, f.caps, 'UTC')")],
        )
        .among(Focus::Days),
        mutant(
            "caps are not asked",
            vec![function(
                "judge",
                "f.openings, f.dialled, f.caps,",
                "f.openings, f.dialled, '{}',",
            )],
        )
        .among(Focus::Days),
        mutant(
            "do-not-call is not asked when claiming",
            vec![function(
                "judge",
                "when a.forbidden then row('cancelled', 'do_not_call', null)::dialer.verdict",
                "",
            )],
        )
        .among(Focus::Minds),
        mutant(
            "two live calls to one number",
            vec![
                Change::Statement(
                    "alter table dialer.lease drop constraint one_live_call_per_number, drop constraint one_live_call_per_person_and_channel",
                ),
                function("judge", "or a.same_person > 1 or a.busy then", "and false then"),
            ],
        ),
        mutant(
            "a lane's span is not looked up after an edit",
            vec![function(
                "forget_spans",
                ", opens_at = 'infinity', open_until = '-infinity', recheck_at = '-infinity'",
                "",
            )],
        ),
    ]
}

fn rates() -> Vec<Mutant> {
    vec![
        mutant(
            "the rate does not move on",
            vec![function(
                "account_served",
                "else n.last_at + dialer.slot_step(account.per_second) end",
                "else n.last_at end",
            )],
        )
        .among(Focus::Rate),
        mutant(
            "two dispatchers place for an account with a rate",
            vec![
                function(
                    "claim",
                    "and (a.per_second is null or k.owner is null or k.owner = claim.dispatcher or k.owned_until <= at)",
                    "",
                ),
                // A successor that is no other than the owner begins at the next slot.
                function("own_account", "when o.owner <> own_account.dispatcher and", "when false and"),
            ],
        )
        .among(Focus::Rate),
    ]
}

fn placing() -> Vec<Mutant> {
    vec![
        mutant(
            "do-not-call is not asked again before placing",
            vec![function(
                "judge_intentions",
                "when exists (select from dialer.do_not_call_entries(l.tenant_id, l.contact_id, e.address, at)) then 'do_not_call'",
                "",
            )],
        )
        .among(Focus::Minds),
        mutant(
            "the token is not compared",
            vec![function("judge_intentions", "or l.token <> u.token then", "then")],
        )
        .among(Focus::Expiry),
        mutant(
            "the token of what is reported is not compared",
            vec![function("own_leases", "and l.token = u.token", "")],
        ),
        mutant(
            "place_by is not asked before placing",
            vec![function("judge_intentions", "when l.place_by <= at then 'too_late'", "")],
        )
        .among(Focus::Expiry),
        mutant(
            "the window is not asked before placing",
            vec![function(
                "judge_intentions",
                "when not dialer.is_open_all(greatest(at, l.place_at), n.openings) then 'window'",
                "",
            )],
        )
        .among(Focus::Minds),
        mutant(
            "a paused campaign's intentions go through",
            vec![function(
                "judge_intentions",
                "when g.state is distinct from 'running' then 'campaign_' || coalesce(g.state::text, 'gone')",
                "",
            )],
        )
        .among(Focus::Minds),
        mutant(
            "a call that the business has finished with is placed",
            vec![
                function(
                    "judge_intentions",
                    "when c.stated_outcome is not null then 'finished'",
                    "",
                ),
                function(
                    "judge_intentions",
                    "when exists (select from dialer.conversions(c.contact_id, c.campaign_id, c.created_at)) then 'converted'",
                    "",
                ),
            ],
        )
        .among(Focus::Minds),
        mutant(
            "a call is placed after it has expired",
            vec![function(
                "lease_out",
                "c.channel, lease_out.dispatcher, p.due_at, at, p.place_at, least(p.place_by, c.expires_at - dialer.place_margin(a)),",
                "c.channel, lease_out.dispatcher, p.due_at, at, p.place_at, p.place_by,",
            )],
        )
        .among(Focus::Expiry),
    ]
}

fn rules() -> Vec<Mutant> {
    let all = vec![
        mutant(
            "a claim does not ask for bans",
            vec![function("judge", "when a.banned_until > a.at_ then", "when false then")],
        ),
        mutant(
            "bans are not asked for before placing",
            vec![function(
                "judge_intentions",
                "when bans <> '{}' and dialer.ban_until(",
                "when false and dialer.ban_until(",
            )],
        ),
        mutant(
            "a cap of the tenant counts no attempt that has ended",
            vec![function(
                "counted_times",
                "where a.contact_id = counted_times.contact_id and",
                "where false and a.contact_id = counted_times.contact_id and",
            )],
        ),
        mutant(
            "who moves after the claim is called by the old zone's clock",
            vec![function(
                "judge_intentions",
                "when g.by_contact and (p.zones <> n.zones or",
                "when g.law_id is not null and (p.zones <> n.zones or",
            )],
        ),
    ];
    all.into_iter().map(|mutant| mutant.among(Focus::Rules)).collect()
}

fn laws() -> Vec<Mutant> {
    let all = vec![
        mutant(
            "a law that reads otherwise is not asked before placing",
            vec![function(
                "judge_intentions",
                "when not dialer.is_open_all(greatest(at, l.place_at), n.openings) then 'window'",
                "",
            )],
        ),
        mutant(
            "who moves after the claim is called by the old state's law",
            vec![function(
                "judge_intentions",
                "p.zones <> n.zones or g.law_id is not null and p.jurisdictions <> n.jurisdictions",
                "p.zones <> n.zones",
            )],
        ),
        mutant(
            "the second jurisdiction is forgotten",
            vec![function("law_rules", "unnest(jurisdictions) j", "unnest(jurisdictions[1:1]) j")],
        ),
        mutant(
            "who is nowhere is called",
            vec![function("law_covers", "jurisdictions <> '{}' and", "")],
        ),
        mutant(
            "the zone that a rule names is forgotten",
            vec![function(
                "rule_openings",
                "case when rule.tz is null then zones else array[rule.tz] end",
                "zones",
            )],
        ),
        mutant(
            "caps of the law are not counted",
            vec![function("law_cappings", "and r.provision = 'cap'", "and false")],
        ),
    ];
    all.into_iter().map(|mutant| mutant.among(Focus::Law)).collect()
}

fn exemptions() -> Vec<Mutant> {
    let all = vec![
        mutant(
            "an expired consent lifts still",
            vec![
                function("consents_held", "(c.expires_at is null or c.expires_at > at) and", ""),
                function(
                    "judge",
                    "when a.agreed_until <= a.at_ + a.margin then",
                    "when false then",
                ),
                function("place_times", "g.valid_until, c.allowed_until,", "g.valid_until,"),
            ],
        ),
        mutant(
            "who agreed until a moment ago is called",
            vec![function("place_times", "g.valid_until, c.allowed_until,", "g.valid_until,")],
        ),
        mutant(
            "what is withdrawn after the claim lifts still",
            vec![function("judge_intentions", "n.lifted <> '{}' and not", "false and not")],
        ),
        mutant(
            "a consent of another purpose lifts",
            vec![
                function("consents_held", "and c.purpose = consents_held.purpose", ""),
                function("lifted", "and k.purpose = chosen.exempt_consent", ""),
            ],
        ),
        mutant(
            "who is a customer has agreed",
            vec![function("is_lifted_by", "(consent).kind = any ((rule).exempt_with)", "true")],
        ),
        mutant(
            "who was a customer once is one for ever",
            vec![
                function(
                    "is_lifted_by",
                    "(consent).given_at + (rule).relationship_within > at",
                    "true",
                ),
                function("agreed_until", "k.given_at + r.relationship_within", "null::timestamptz"),
            ],
        ),
    ];
    all.into_iter().map(|mutant| mutant.among(Focus::Law)).collect()
}

fn ending() -> Vec<Mutant> {
    vec![
        mutant(
            "what may be ringing is given back by time",
            vec![function("end_leases", "l.state = 'claimed' and l.until", "l.until")],
        ),
        mutant(
            "a doubled event is applied twice",
            vec![function(
                "ingest_event",
                "and exists (select from stored s where s.event_key = i.event_key)",
                "",
            )],
        )
        .among(Focus::Days),
        mutant(
            "a late event reopens a call",
            vec![function(
                "late_facts",
                "perform dialer.learn(fact.call_id, fact.meaning, at);",
                "update dialer.call c set state = 'scheduled', ended_at = null where c.call_id = fact.call_id;",
            )],
        ),
        mutant(
            "a refusal over the limit counts as an attempt",
            vec![function(
                "end_attempts",
                "dialer.outcome_counts(u.outcome) or",
                "u.outcome = 'over_limit' or dialer.outcome_counts(u.outcome) or",
            )],
        ),
        mutant(
            "an unknown end does not count",
            vec![function(
                "end_attempts",
                "coalesce(dialer.outcome_counts(u.outcome) or",
                "coalesce(u.outcome <> 'unknown' and dialer.outcome_counts(u.outcome) or",
            )],
        ),
        mutant(
            "a new entry of do-not-call cancels nothing",
            vec![function(
                "do_not_call_added",
                "perform dialer.end_waiting(waiting, 'cancelled', 'do_not_call', now_);",
                "",
            )],
        ),
        mutant(
            "a call that comes back forgets its place in the schedule",
            vec![function(
                "take_back",
                "select lane_id, due_at, call_id from changed where state = 'scheduled' returning",
                "select lane_id, due_at, call_id from changed where false returning",
            )],
        ),
    ]
}

/// What killed a mutant: the seed, and the step with what was said.
fn killed(mutant: &Mutant, number: usize) -> Option<(u64, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seeds = if mutant.name == SOUND { SOUND_SEEDS } else { SEEDS };
    let steps = if mutant.focus == Focus::Law { crate::STEPS_OF_LAW } else { STEPS };
    (1..=seeds).find_map(|seed| {
        let plan = Plan {
            seed,
            name: format!("mutant_{number}_{seed}"),
            defects: mutant.changes.clone(),
            habit: mutant.habit,
            focus: mutant.focus,
        };
        match runtime.block_on(crate::live(&plan, steps)) {
            Err(why) if why.starts_with(NO_MUTANT) => {
                println!("{}: {why}", mutant.name);
                None
            }
            Err(why) => Some((seed, why)),
            Ok(_) => None,
        }
    })
}

#[test]
fn every_seeded_defect_is_found_and_without_one_nothing_is() {
    let mut mutants = mutants();
    let all = [
        Focus::Wide,
        Focus::Days,
        Focus::Tenant,
        Focus::Campaign,
        Focus::Callers,
        Focus::Reserve,
        Focus::Rate,
        Focus::Minds,
        Focus::Expiry,
        Focus::Rules,
        Focus::Law,
    ];
    mutants.splice(0..0, all.map(|focus| mutant(SOUND, Vec::new()).among(focus)));
    if let Ok(only) = std::env::var("MUTANT") {
        mutants.retain(|mutant| mutant.name.contains(&only));
    }
    if let Ok(about) = std::env::var("FOCUS") {
        mutants.retain(|mutant| format!("{:?}", mutant.focus).contains(&about));
    }
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(mutant) = mutants.get(number) else { break };
                    let began = std::time::Instant::now();
                    let killer = killed(mutant, number);
                    let seconds = began.elapsed().as_secs();
                    match &killer {
                        Some((seed, why)) => {
                            println!(
                                "{} ({:?}): seed {seed}, {why} ({seconds} s)",
                                mutant.name, mutant.focus
                            );
                        }
                        None => {
                            println!("{} ({:?}): survives ({seconds} s)", mutant.name, mutant.focus)
                        }
                    }
                    found.lock().unwrap().push((mutant.name, killer.is_some()));
                }
            });
        }
    });
    let wrong = |(name, killed): &&(&str, bool)| *killed == (*name == SOUND);
    let found = found.into_inner().unwrap();
    let survivors: Vec<&str> = found.iter().filter(wrong).map(|(name, _)| *name).collect();
    assert!(survivors.is_empty(), "not found (or \"none\" found guilty): {survivors:?}");
}
