// expect: expected the barrier of the snapshot, found `h`
// line: 7
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
@rhoshard.snapshot early
h q[0];
