// expect: unknown version `4` of OpenQASM
// line: 3
OPENQASM 4;
qubit q;
