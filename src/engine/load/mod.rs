//! What demands meet: how long requests wait, how many fail, how busy nodes are.
//!
//! | file | what |
//! | --- | --- |
//! | `flow` | one state, one level of demand: queues in equilibrium |
//! | `chart` | one state, the hours of a day |
//! | `record` | one replication: charts integrated over time, backlogs as fluids |
//!
//! Between two changes of the cluster queues are taken to be in equilibrium, because they get
//! there within seconds and changes are hours apart. Only a backlog (of an outage, or of an
//! overload) is followed through time, as a fluid.

pub mod chart;
pub mod flow;
pub mod record;
