// expect: unknown annotation `@rhoshard.snapshots`
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
@rhoshard.snapshots early
barrier q;
