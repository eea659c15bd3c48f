// Node strips the types itself (Node 24), so no transformer stands between a test and the code it runs.
export default {
	testEnvironment: "node",
	globalSetup: "<rootDir>/test/support/global-setup.ts",
	globalTeardown: "<rootDir>/test/support/global-teardown.ts",
	extensionsToTreatAsEsm: [".ts"],
	transform: {},
	roots: ["<rootDir>/test"],
	testMatch: ["**/*.test.ts"],
	// Far beyond what anything takes: it is for what hangs. A machine that is slow or busy is no fault.
	testTimeout: 180_000,
};
