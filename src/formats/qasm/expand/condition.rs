//! `if`: known conditions choose a branch now, measured bits make an [`Operation::If`].

use super::super::ast::{Expression, ExpressionKind, Statement, TypeName};
use super::super::limits;
use super::super::scope::Run;
use super::super::value::{Division, reads_bits};
use super::Expander;
use crate::error::{Error, Result};
use crate::model::{Operation, Statement as Lowered};

/// Bits, least significant first, and the value they must have.
struct Test {
    bits: Vec<usize>,
    value: u64,
}

impl Expander<'_> {
    pub(super) fn branch(&mut self, condition: &Expression, then: &[Statement], otherwise: &[Statement]) -> Result<()> {
        if !reads_bits(condition, &self.scopes) {
            let holds = self.evaluate(condition, Division::Integer)?.truth()?;
            return self.block(if holds { then } else { otherwise });
        }
        let test = self.test(condition)?;
        if otherwise.is_empty() {
            return self.conditional(&test, then);
        }
        let opposite = opposite(&test).map_err(|_| {
            Error::input("`else` is supported only where one bit is tested").next("write the other case as an `if`")
        })?;
        let start = self.circuit.statements.len();
        self.conditional(&test, then)?;
        if self.circuit.statements[start..].iter().any(|statement| writes(statement, test.bits[0])) {
            return Err(Error::input("the tested bit is measured again before `else`")
                .next("measure into another bit in this branch"));
        }
        self.conditional(&opposite, otherwise)
    }

    /// Adds `body` under the test.
    fn conditional(&mut self, test: &Test, body: &[Statement]) -> Result<()> {
        let outside = self.conditional;
        self.conditional = outside.or(Some(self.scopes.depth()));
        let before = std::mem::take(&mut self.circuit.statements);
        self.block(body)?;
        let body = std::mem::replace(&mut self.circuit.statements, before);
        self.conditional = outside;
        self.emit(Operation::If { bits: test.bits.clone(), value: test.value, body })
    }

    /// The condition as a test of bits.
    fn test(&self, condition: &Expression) -> Result<Test> {
        match &condition.kind {
            ExpressionKind::Operand(operand) => match self.bits(operand)? {
                Run::One(bit) => Ok(Test { bits: vec![bit], value: 1 }),
                run if run.as_slice().len() == 1 => Ok(Test { bits: run.as_slice().to_vec(), value: 1 }),
                _ => Err(too_complicated()),
            },
            ExpressionKind::Unary("!", inner) => opposite(&self.test(inner)?),
            ExpressionKind::Cast(TypeName::Bool, inner) => self.test(inner),
            ExpressionKind::Binary("&&", left, right) => both(self.test(left)?, self.test(right)?),
            ExpressionKind::Binary("==", left, right) => self.equality(left, right),
            ExpressionKind::Binary("!=", left, right) => opposite(&self.equality(left, right)?),
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
        Ok(Test { bits, value: value as u64 })
    }
}

/// The test that holds when this one does not: only of a single bit is it a test again.
fn opposite(test: &Test) -> Result<Test> {
    if test.bits.len() != 1 {
        return Err(too_complicated());
    }
    Ok(Test { bits: test.bits.clone(), value: test.value ^ 1 })
}

/// The test that both hold.
fn both(left: Test, right: Test) -> Result<Test> {
    let shift = left.bits.len();
    let overlap = right.bits.iter().any(|bit| left.bits.contains(bit));
    if overlap || shift + right.bits.len() > limits::CONDITION_BITS {
        return Err(too_complicated());
    }
    Ok(Test { value: left.value | right.value << shift, bits: [left.bits, right.bits].concat() })
}

fn writes(statement: &Lowered, tested: usize) -> bool {
    match &statement.operation {
        Operation::Measure { bit, .. } => *bit == Some(tested),
        Operation::If { body, .. } => body.iter().any(|statement| writes(statement, tested)),
        _ => false,
    }
}

fn too_complicated() -> Error {
    Error::input("this condition on measured bits is not supported")
        .allowed("`c == 2` of a register, `c[0]`, `!c[0]`, `c[0] == 1`, and such tests joined by `&&`")
}
