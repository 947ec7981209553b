// expect: is inside an `if` or `while` on measured bits
// line: 8
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
bit c = measure q[0];
if (c) {
  @rhoshard.snapshot early
  barrier q;
  x q[1];
}
