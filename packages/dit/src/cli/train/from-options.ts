// The options of `tessera train` that start from a trained run.

import { Option, type Command } from 'commander';
import { CONTROLS, type ControlName } from '../../config/choices.ts';
import * as read from '../arguments.ts';

/** Where a training starts, if it is not a new model. */
export interface FromArguments {
  /** The folder of a trained run. */
  readonly from?: string;
  /** The map of a ControlNet on the model of that run. */
  readonly control?: ControlName;
}

/** Describes these options. */
export function addFromOptions(train: Command): void {
  train
    .addOption(
      new Option(
        '--from <folder>',
        'trained run: of a flow that --objective mean-flow follows in few steps, or of a model that --control extends or --condition tells more',
      ).conflicts(['preset', 'config', 'design', 'pixels']),
    )
    .addOption(
      new Option(
        '--control <map>',
        `ControlNet, trained on the frozen model of --from: ${CONTROLS.join(', ')}`,
      )
        .argParser(read.oneOf(CONTROLS))
        .conflicts(['preset', 'config', 'design', 'condition', 'pixels', 'objective', 'schedule']),
    );
}
