//! Results for people and for scripts. Knows results, not how they came about.

pub mod advise;
pub mod claims;
pub mod comparison;
pub mod csv;
pub mod figures;
pub mod json;
pub mod load_figure;
pub mod load_table;
pub mod markdown;
pub mod numbers;
pub mod page;
pub mod plan;
pub mod planned;
pub mod plot;
pub mod replace;
pub mod sentence;
pub mod slo;
pub mod story;
pub mod survivability;
pub mod sweep;
pub mod sweep_figures;
pub mod sweep_table;
pub mod table;
pub mod timeline;
pub mod trace;
pub mod verification;
