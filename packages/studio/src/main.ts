// Starts the page: isolation where it can be had, and the shell with the open room.

import { mount } from 'svelte';
import { askForIsolation } from './engine/isolation.ts';
import Studio from './studio.svelte';

askForIsolation();
const target = document.getElementById('studio');
if (target !== null) mount(Studio, { target });
