//! The simulation: weeks of a campaign from one seed, step by step, with everything that can go
//! wrong. After every step the invariants of the database are asked, and the simulated provider
//! judges every call that reaches it.
//!
//! Dispatchers are stepped through the same functions that `dialerd` calls, so that a crash can
//! come between any two of them. `make sim SEED=n` runs one seed.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod chance;
mod provider;
mod world;

use world::World;

/// Seeds that run every time. One that failed is added here and stays. `SEED=n` runs another,
/// `SEED=n-m` a range.
const SEEDS: [u64; 3] = [1, 2, 3];
const STEPS: usize = 800;

#[tokio::test]
async fn campaigns_survive_everything_that_these_seeds_bring() {
    let seeds: Vec<u64> = match std::env::var("SEED") {
        Ok(seeds) => {
            let (first, last) = seeds.split_once('-').unwrap_or((&seeds, &seeds));
            (first.parse().expect("SEED is n or n-m")..=last.parse().expect("SEED is n or n-m"))
                .collect()
        }
        Err(_) => SEEDS.to_vec(),
    };
    for seed in seeds {
        let mut world = World::new(seed).await;
        for step in 0..STEPS {
            let what = world.step().await;
            world
                .check(&format!(
                    "seed {seed}, step {step} ({what}); again with: make sim SEED={seed}"
                ))
                .await;
        }
        println!("seed {seed}: {}", world.summary().await);
    }
}
