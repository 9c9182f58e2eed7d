#!/usr/bin/env node
// Starts the `tessera` command.

import '../dist/bundle/cli.js';
