//! The source systems, whole: their own examples and numbers, over the time that they name.

mod discharge;
mod journey_discharge;
