//! Charts of a study, drawn with plotters as SVG and PNG.
//!
//! Each chart is a plain struct of data with a `chart` method that lays it out;
//! `None` means that there is nothing to draw. A [`Chart`] gives SVG text or PNG
//! bytes, or writes both files. Nothing depends on installed fonts or on the time.
//!
//! Text is drawn in the embedded DejaVu Sans, which covers Latin, Greek and
//! Cyrillic but not Chinese, Japanese or Korean.

mod attribution;
mod availability;
mod bearing;
mod chart;
mod distribution;
mod duration;
mod failover;
mod font;
mod frame;
mod heat;
mod key;
mod lines;
mod load;
mod nines;
mod palette;
mod planned;
mod png;
mod render;
mod rows;
mod scene;
mod step_panels;
mod swept;
mod time_axis;
mod yearly;

#[cfg(test)]
mod tests;

pub use attribution::{Attribution, AttributionRow, Cause};
pub use availability::{Availability, AvailabilityRow, Claim};
pub use chart::{Caption, Chart, PlotError, Written};
pub use distribution::Distribution;
pub use duration::SECONDS_PER_YEAR;
pub use failover::{DurationsOf, Failover, FailoverLatency};
pub use heat::Heat;
pub use lines::{Found, Lines, ServiceLine};
pub use load::{Load, LoadPanel, LoadPoint};
pub use planned::{Downtime, Planned, PlannedRow};
pub use swept::Swept;
pub use yearly::{YearlyDowntime, YearlyDowntimes};
