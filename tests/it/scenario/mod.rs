//! The source systems, whole: their own examples and numbers, over the time that they name.

mod campaign;
mod discharge;
mod journey_discharge;
mod journey_redial;
mod redial;
mod scheduler;
mod workflow;
