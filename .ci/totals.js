// Prints "N passed, N failed, N skipped" from the file that jest --json wrote; exits 1 when it is no such file or tells of no test.
import { readFileSync } from "node:fs";

function readResults(file) {
	try {
		return JSON.parse(readFileSync(file, "utf8"));
	} catch {
		return { numTotalTestSuites: 0 };
	}
}

const results = readResults(process.argv[2]);
if (results.numTotalTestSuites === 0) {
	process.stderr.write("jest ran no test\n");
	process.exitCode = 1;
} else {
	// A file that did not run to its first test has no failed test, and is a failure all the same.
	const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
	const skipped = results.numPendingTests + results.numTodoTests;
	process.stdout.write(`${results.numPassedTests} passed, ${failed} failed, ${skipped} skipped\n`);
}
