// Prints "N passed, N failed, N skipped" from the file that jest --json wrote; fails when it is no such file or tells of no test.
import { readFileSync } from "node:fs";

const results = JSON.parse(readFileSync(process.argv[2], "utf8"));
// A file that did not run to its first test has no failed test, and is a failure all the same.
const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
const skipped = results.numPendingTests + results.numTodoTests;
if (results.numTotalTests === 0) throw new Error("jest ran no test");
process.stdout.write(`${results.numPassedTests} passed, ${failed} failed, ${skipped} skipped\n`);
