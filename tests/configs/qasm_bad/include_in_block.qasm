// expect: must not stand in a block
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
{ include "x.inc"; }
