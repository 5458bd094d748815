//! Quorum rules that have names of their own: votes, grids, trees, hierarchies.

use super::{Condition, CountExpression, Parser, SetExpression, SyntaxError, Token};

impl Parser<'_> {
    /// `majority(set)` or `majority(votes(set))`.
    pub(super) fn majority(&mut self) -> Result<Condition, SyntaxError> {
        self.in_brackets(|parser| match parser.peek() {
            Token::Word(word) if word == "votes" => parser.of_set().map(Condition::MostVotes),
            _ => parser.set().map(Condition::Majority),
        })
    }

    /// `votes(set)`.
    pub(super) fn votes(&mut self) -> Result<CountExpression, SyntaxError> {
        self.of_set().map(CountExpression::Votes)
    }

    /// A set, then at least one group: `grid(node.up, column1, column2)`.
    pub(super) fn of_groups(
        &mut self,
        rule: fn(SetExpression, Vec<SetExpression>) -> Condition,
    ) -> Result<Condition, SyntaxError> {
        let (set, groups) = self.in_brackets(|parser| {
            let set = parser.set()?;
            let mut groups = Vec::new();
            parser.expect(",")?;
            groups.push(parser.set()?);
            while parser.accept(",") {
                groups.push(parser.set()?);
            }
            Ok((set, groups))
        })?;
        Ok(rule(set, groups))
    }
}
