// expect: a snapshot needs a name
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
@rhoshard.snapshot
barrier q;
