//! Quorate: how many nines does this cluster really have, and why not more?
pub mod estimate;
pub mod report;
