// expect: `extern` is not supported
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
extern f(int) -> int;
