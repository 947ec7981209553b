// expect: unknown directive `#pragme x`
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
#pragme x
