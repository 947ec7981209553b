// expect: measured again before `else`
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q; bit c;
if (c) c = measure q; else y q;
