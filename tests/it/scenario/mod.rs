//! The source systems, whole: their own examples and numbers, over the time that they name.

mod campaign;
mod discharge;
mod journey_discharge;
mod redial;
mod scheduler;
