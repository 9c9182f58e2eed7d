#!/usr/bin/env node
// Starts the `tessera` command.

import '../dist/cli/main.js';
