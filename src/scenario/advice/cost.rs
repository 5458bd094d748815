//! A price list: what the items that a change needs cost.

use crate::scenario::document::{self, Item, Value};
use crate::scenario::error::{Result, ScenarioError};
use crate::scenario::nearest::suggestion;
use crate::scenario::reader::Reader;

const PRICES: &str = include_str!("../../../models/cost.toml");
const NAME: &str = "models/cost.toml";

/// A price list.
#[derive(Clone, Debug)]
pub struct Costs {
    /// The currency of every price.
    pub currency: String,
    /// Years over which what is paid once counts.
    pub years: f64,
    /// The prices by item.
    pub prices: Vec<(String, Price)>,
}

/// The price of one item.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    /// What it is.
    pub text: String,
    /// Paid at the beginning.
    pub once: f64,
    /// Paid each year.
    pub per_year: f64,
}

impl Costs {
    /// The price list that comes with the program: assumptions.
    pub fn built_in() -> Result<Costs> {
        Costs::read(NAME, PRICES)
    }

    /// Reads a price list.
    pub fn read(name: &str, text: &str) -> Result<Costs> {
        let item = document::parse(name, text)?;
        let r = Reader::new(&item, "a price list")?;
        let currency = r.text("currency")?.to_owned();
        let years = number(r.required("years")?)?;
        if years <= 0.0 {
            let message = "what is paid once counts by the year";
            return Err(ScenarioError::at(&item.origin, message, "no years")
                .help("write how many years it lasts, e.g. years = 4"));
        }
        let items = Reader::new(r.required("item")?, "the items of a price list")?;
        let prices = items
            .entries()
            .map(|(name, _, item)| Ok((name.to_owned(), price(item)?)))
            .collect::<Result<_>>()?;
        r.finish()?;
        Ok(Costs {
            currency,
            years,
            prices,
        })
    }

    /// What items cost in a year, what is paid once spread over the years; an item that
    /// the list does not have is an error in words.
    pub fn per_year(&self, items: &[(String, f64)]) -> std::result::Result<f64, String> {
        items
            .iter()
            .map(|(name, count)| {
                let found = self.prices.iter().find(|(known, _)| known == name);
                let (_, price) = found.ok_or_else(|| {
                    let known = self.prices.iter().map(|(known, _)| known);
                    let help = suggestion(name, known).unwrap_or_default();
                    format!("the price list has no item `{name}`; {help}")
                })?;
                Ok(count * (price.once / self.years + price.per_year))
            })
            .sum()
    }
}

fn price(item: &Item) -> Result<Price> {
    let r = Reader::new(item, "an item of a price list")?;
    let price = Price {
        text: r.text("text")?.to_owned(),
        once: number(r.required("once")?)?,
        per_year: number(r.required("per_year")?)?,
    };
    // Where a price comes from is for readers of the file; nobody may leave it out.
    r.text("source")?;
    r.finish()?;
    Ok(price)
}

fn number(item: &Item) -> Result<f64> {
    match item.value {
        Value::Integer(number) => Ok(number as f64),
        Value::Float(number) if number.is_finite() => Ok(number),
        _ => Err(
            ScenarioError::at(&item.origin, "this is no number", "a price")
                .help("write a number without a currency, e.g. 8000"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_paid_once_is_spread_over_the_years() {
        let costs = Costs::built_in().expect("sound");
        let of = |name: &str| {
            costs
                .prices
                .iter()
                .find(|(n, _)| n == name)
                .expect("there")
                .1
                .clone()
        };
        let node = of("node");
        let expected = 2.0 * (node.once / costs.years + node.per_year);
        assert_eq!(costs.per_year(&[("node".to_owned(), 2.0)]), Ok(expected));
        assert!(
            costs
                .per_year(&[("nodes".to_owned(), 1.0)])
                .is_err_and(|e| e.contains("`node`"))
        );
    }

    #[test]
    fn a_price_without_a_source_is_refused() {
        let text =
            "currency = \"EUR\"\nyears = 1\n[item.x]\ntext = \"x\"\nonce = 1\nper_year = 0\n";
        assert!(Costs::read("own.toml", text).is_err());
    }
}
