// A network of namespaces on this machine, one a rank, with a bandwidth and a delay (Linux, root).

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What limits each rank. */
export interface Limit {
  /** Bits a second that a rank can send; `null` for no limit. */
  readonly bitsPerSecond: number | null;
  /** Milliseconds from one rank to another. */
  readonly delayMs: number;
}

/** Name of a rank's only device, inside its namespace. */
export const DEVICE = 'eth0';

/** The largest packet in bytes: jumbo frames between kernels, and as much as fits for the relay. */
const BRIDGE_MTU = 9000;
const RELAY_MTU = 65_000;

const relayProgram = fileURLToPath(new URL('relay.py', import.meta.url));

/**
 * Namespaces that a bridge of the kernel joins (token buckets limit what each sends), or, for delays, a relay in user
 * space: netem, which delays packets in the kernel, is missing from many kernels.
 */
export class Network {
  readonly ranks: number;
  readonly #relay: ChildProcess | null;
  readonly #prefix = `tessera${process.pid}-`;
  readonly #onExit = (): void => {
    this.close();
  };

  private constructor(ranks: number, relay: ChildProcess | null) {
    this.ranks = ranks;
    this.#relay = relay;
  }

  /** @param python starts the relay */
  static async open(ranks: number, kind: 'bridge' | 'relay', python: string): Promise<Network> {
    const devices = Array.from({ length: ranks }, (_, rank) => `ts${process.pid}-${rank}`);
    const relay =
      kind === 'relay'
        ? spawn(python, [relayProgram, ...devices], { stdio: ['pipe', 'pipe', 'inherit'] })
        : null;
    const network = new Network(ranks, relay);
    process.once('exit', network.#onExit);
    try {
      if (relay !== null) await once(relay.stdout, 'data');
      network.#build(devices);
    } catch (error) {
      network.close();
      throw error;
    }
    return network;
  }

  /** The address of a rank. */
  addressOf(rank: number): string {
    return `10.77.0.${rank + 1}`;
  }

  /** What starts a command in the namespace of a rank. */
  prefixOf(rank: number): readonly string[] {
    return ['ip', 'netns', 'exec', this.#nameOf(rank)];
  }

  /** Sets what limits every rank from now on. */
  limit({ bitsPerSecond, delayMs }: Limit): void {
    for (let rank = 0; rank < this.ranks; rank++) {
      const device = [this.#nameOf(rank), 'dev', DEVICE, 'root'];
      const [name, ...rest] = device;
      if (bitsPerSecond === null) {
        try {
          run('tc', '-n', name, 'qdisc', 'del', ...rest);
        } catch {
          // There was no limit.
        }
      } else {
        const bucket = ['rate', `${bitsPerSecond}bit`, 'burst', '256kb', 'latency', '400ms'];
        run('tc', '-n', name, 'qdisc', 'replace', ...rest, 'tbf', ...bucket);
      }
    }
    if (this.#relay !== null) this.#relay.stdin?.write(`${delayMs}\n`);
    else if (delayMs > 0) throw new Error('a bridge has no delay: open a relay');
  }

  /** Removes all namespaces, and with them their devices. */
  close(): void {
    process.removeListener('exit', this.#onExit);
    this.#relay?.kill();
    const names = Array.from({ length: this.ranks }, (_, rank) => this.#nameOf(rank));
    for (const name of [...names, `${this.#prefix}hub`]) {
      try {
        run('ip', 'netns', 'del', name);
      } catch {
        // It was not made.
      }
    }
  }

  #nameOf(rank: number): string {
    return `${this.#prefix}${rank}`;
  }

  #build(devices: readonly string[]): void {
    const hub = `${this.#prefix}hub`;
    const bridged = this.#relay === null;
    if (bridged) {
      run('ip', 'netns', 'add', hub);
      run('ip', '-n', hub, 'link', 'add', 'bridge', 'type', 'bridge');
      run('ip', '-n', hub, 'link', 'set', 'bridge', 'mtu', `${BRIDGE_MTU}`, 'up');
    }
    for (const [rank, device] of devices.entries()) {
      const name = this.#nameOf(rank);
      run('ip', 'netns', 'add', name);
      run('ip', '-n', name, 'link', 'set', 'lo', 'up');
      if (bridged) {
        const port = `port${rank}`;
        run('ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', port, 'netns', hub);
        run('ip', '-n', hub, 'link', 'set', port, 'mtu', `${BRIDGE_MTU}`, 'master', 'bridge', 'up');
      }
      run('ip', 'link', 'set', device, 'netns', name, 'name', DEVICE);
      run('ip', '-n', name, 'address', 'add', `${this.addressOf(rank)}/24`, 'dev', DEVICE);
      const mtu = bridged ? BRIDGE_MTU : RELAY_MTU;
      run('ip', '-n', name, 'link', 'set', DEVICE, 'mtu', `${mtu}`, 'up');
    }
  }
}

/** Runs a command to its end, which has to be a good one. */
function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
