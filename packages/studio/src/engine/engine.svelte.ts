// The page's side of a worker: it starts one for a room, calls its service, and knows whether it is alive.

import type {
  Device,
  EngineFacts,
  InputOf,
  ResultOf,
  Service,
  ToPage,
  ToWorker,
  UpdateOf,
} from './service.ts';
import { senderTo } from './sender.ts';

/** An error of the engine, with the name of its class there. */
class EngineError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** What a caller may give along. */
export interface CallOptions<Update> {
  /** Ends the call: the worker stops at its next pause, and the promise is rejected. */
  readonly signal?: AbortSignal;
  readonly onUpdate?: (value: Update) => void;
}

/** A call that waits for its result. */
interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onUpdate: ((value: never) => void) | undefined;
}

/** What a page shows of any engine. */
export type EngineState = Pick<Engine<Service>, 'facts' | 'lost' | 'restart' | 'device'>;

/** An engine in a worker of its own, with the service of one room. */
export class Engine<Of extends Service> {
  static readonly name: string = 'Engine';
  /** How it computes; `null` until it has started. */
  facts: EngineFacts | null = $state.raw(null);
  /** Why it ended; `null` while it lives. */
  lost: string | null = $state(null);
  /** What it computes on, or shall once it has started. */
  device: Device = $state('processor');
  readonly #service: string;
  readonly #make: (name: string, device: Device) => Worker;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker;
  #send: (message: ToWorker) => void = () => undefined;
  #next = 0;

  /**
   * @param service its name in `service-table.ts`
   * @param make makes a worker of that name; default the one that holds the services of that table
   */
  constructor(service: string, make: (name: string, device: Device) => Worker = makeEngineWorker) {
    this.#service = service;
    this.#make = make;
    this.#worker = this.#start();
  }

  /** Calls a method of the service. */
  call<Method extends keyof Of & string>(
    method: Method,
    input: InputOf<Of[Method]>,
    { signal, onUpdate }: CallOptions<UpdateOf<Of[Method]>> = {},
  ): Promise<ResultOf<Of[Method]>> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      if (this.lost !== null) {
        reject(new EngineError('EngineLost', this.lost));
        return;
      }
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject, onUpdate });
      signal?.addEventListener('abort', () => {
        this.#send({ kind: 'cancel', id });
        if (this.#waiting.delete(id)) reject(new EngineError('AbortError', 'The call was ended.'));
      });
      this.#send({ kind: 'call', id, method, input });
    });
  }

  /** Starts a new worker in place of the one that was lost, or of one that works. */
  restart(reason = 'The engine was started again.'): void {
    this.#end(reason);
    this.lost = null;
    this.facts = null;
    this.#worker = this.#start();
  }

  /** Starts a new worker that computes on another device. What the old one held is lost. */
  moveTo(device: Device): void {
    this.device = device;
    this.restart('The engine was moved to another device.');
  }

  #start(): Worker {
    const worker = this.#make(this.#service, this.device);
    this.#send = senderTo(worker);
    worker.addEventListener('message', ({ data }: MessageEvent<ToPage>) => {
      if (data.kind === 'ready' && data.lock !== null) this.#watch(worker, data.lock);
      this.#receive(data);
    });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.#end(event.message || 'Its script could not be loaded.');
    });
    return worker;
  }

  /** The lock of a worker is free as soon as the worker has ended, whatever ended it. */
  #watch(worker: Worker, lock: string): void {
    void navigator.locks.request(lock, () => {
      if (worker === this.#worker && this.lost === null) {
        this.#end('Its worker has ended: the browser may have been short of memory.');
      }
    });
  }

  #receive(message: ToPage): void {
    if (message.kind === 'listens') return;
    if (message.kind === 'ready') this.facts = message.facts;
    else if (message.kind === 'broken') this.#end(message.message);
    else {
      const waiting = this.#waiting.get(message.id);
      if (message.kind === 'update') return waiting?.onUpdate?.(message.value as never);
      this.#waiting.delete(message.id);
      if (message.kind === 'result') waiting?.resolve(message.value);
      else waiting?.reject(new EngineError(message.name, message.message));
    }
  }

  #end(reason: string): void {
    this.#worker.terminate();
    this.lost = reason;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new EngineError('EngineLost', reason));
  }
}

function makeEngineWorker(name: string, device: Device): Worker {
  if (device === 'webgpu') {
    return new Worker(new URL('../webgpu-worker.ts', import.meta.url), { type: 'module', name });
  }
  return new Worker(new URL('../engine-worker.ts', import.meta.url), { type: 'module', name });
}

const engines = new Map<string, unknown>();

/**
 * The engine of a room. It is started on the first call, and stays warm while other rooms are open.
 *
 * @param service its name in `service-table.ts`. Its type is given along: `engineOf<typeof drawService>('draw')`.
 */
export function engineOf<Of extends Service>(service: string): Engine<Of> {
  const engine = (engines.get(service) as Engine<Of> | undefined) ?? new Engine<Of>(service);
  engines.set(service, engine);
  return engine;
}
