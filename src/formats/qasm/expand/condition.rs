//! `if` and `while`: known conditions choose now, measured bits make an [`Operation::If`].

use super::super::ast::{Expression, ExpressionKind, Statement, TypeName};
use super::super::limits;
use super::super::scope::Run;
use super::super::value::{Division, reads_bits};
use super::Expander;
use crate::error::{Error, Result};
use crate::model::{Operation, Statement as Lowered};

/// Bits, least significant first, and the value they must have, or must not have.
struct Test {
    bits: Vec<usize>,
    value: u64,
    negated: bool,
}

impl Expander<'_> {
    pub(super) fn branch(&mut self, condition: &Expression, then: &[Statement], otherwise: &[Statement]) -> Result<()> {
        if !reads_bits(condition, &self.scopes) {
            let holds = self.evaluate(condition, Division::Integer)?.truth()?;
            return self.block(if holds { then } else { otherwise });
        }
        let Test { bits, value, negated } = self.test(condition)?;
        let (body, otherwise) = (self.collected(then)?, self.collected(otherwise)?);
        let (body, otherwise) = if negated { (otherwise, body) } else { (body, otherwise) };
        self.emit(Operation::If { bits, value, body, otherwise })
    }

    /// `while`: on measured bits as many conditional passes as are allowed; one whose condition fails changes nothing,
    /// and neither do those after it.
    pub(super) fn repeat_while(&mut self, condition: &Expression, body: &[Statement]) -> Result<()> {
        if reads_bits(condition, &self.scopes) {
            return (0..self.while_passes).try_for_each(|_| self.branch(condition, body, &[]));
        }
        while self.evaluate(condition, Division::Integer)?.truth()? {
            self.count(1)?;
            self.block(body)?;
            if reads_bits(condition, &self.scopes) {
                return Err(too_complicated());
            }
        }
        Ok(())
    }

    /// The statements of a body that depends on measured bits.
    fn collected(&mut self, body: &[Statement]) -> Result<Vec<Lowered>> {
        let outside = self.conditional;
        self.conditional = outside.or(Some(self.scopes.depth()));
        let before = std::mem::take(&mut self.circuit.statements);
        self.block(body)?;
        let body = std::mem::replace(&mut self.circuit.statements, before);
        self.conditional = outside;
        Ok(body)
    }

    /// The condition as a test of bits.
    fn test(&self, condition: &Expression) -> Result<Test> {
        match &condition.kind {
            ExpressionKind::Operand(operand) => match self.bits(operand)? {
                Run::One(bit) => Ok(Test { bits: vec![bit], value: 1, negated: false }),
                run if run.as_slice().len() == 1 => {
                    Ok(Test { bits: run.as_slice().to_vec(), value: 1, negated: false })
                }
                _ => Err(too_complicated()),
            },
            ExpressionKind::Unary("!", inner) => Ok(opposite(self.test(inner)?)),
            ExpressionKind::Cast(TypeName::Bool, inner) => self.test(inner),
            ExpressionKind::Binary("&&", left, right) => both(self.test(left)?, self.test(right)?),
            ExpressionKind::Binary("||", left, right) => {
                Ok(opposite(both(opposite(self.test(left)?), opposite(self.test(right)?))?))
            }
            ExpressionKind::Binary("==", left, right) => self.equality(left, right),
            ExpressionKind::Binary("!=", left, right) => Ok(opposite(self.equality(left, right)?)),
            _ => Err(too_complicated()),
        }
    }

    /// `register == value`, in either order.
    fn equality(&self, left: &Expression, right: &Expression) -> Result<Test> {
        let (tested, value) = if reads_bits(left, &self.scopes) { (left, right) } else { (right, left) };
        let ExpressionKind::Operand(operand) = &tested.kind else { return Err(too_complicated()) };
        let bits = self.bits(operand)?.as_slice().to_vec();
        if bits.len() > limits::CONDITION_BITS {
            return Err(Error::input(format!("a condition tests {} bits", bits.len()))
                .allowed(format!("at most {}", limits::CONDITION_BITS)));
        }
        let value = self.integer(value)?;
        let largest = (1i128 << bits.len()) - 1;
        if !(0..=largest).contains(&value) {
            return Err(Error::input(format!("`{}` of {} bit(s) is never {value}", operand.name, bits.len()))
                .allowed(format!("0 to {largest}")));
        }
        Ok(Test { bits, value: value as u64, negated: false })
    }
}

/// The test that holds when this one does not.
fn opposite(test: Test) -> Test {
    match test.bits.len() {
        1 => Test { value: test.value ^ 1, ..test },
        _ => Test { negated: !test.negated, ..test },
    }
}

/// The test that both hold.
fn both(left: Test, right: Test) -> Result<Test> {
    let shift = left.bits.len();
    let overlap = right.bits.iter().any(|bit| left.bits.contains(bit));
    if overlap || left.negated || right.negated || shift + right.bits.len() > limits::CONDITION_BITS {
        return Err(too_complicated());
    }
    Ok(Test { value: left.value | right.value << shift, bits: [left.bits, right.bits].concat(), negated: false })
}

fn too_complicated() -> Error {
    Error::input("this condition on measured bits is not supported").allowed(
        "`c == 2` or `c != 2` of a register, `c[0]`, `!c[0]`, `c[0] == 1`, and tests of bits joined by `&&` or `||`",
    )
}
