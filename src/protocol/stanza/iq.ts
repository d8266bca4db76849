/**
 * A query and its typed answer as one value: the client only executes it. Adding a query is one file with one
 * `defineIq` and one test; there is no other plumbing.
 */
import type { BinaryNode } from '../binary/node.ts'

/** See the file comment. */
export interface IqQuery<Input, Output> {
  /** For logs and errors, e.g. `pre-keys.upload`. */
  readonly name: string
  /** The complete `<iq>` without its `id`, which the client adds. */
  readonly build: (input: Input) => BinaryNode
  /** Reads the `<iq type="result">`. @throws {ProtocolError} on an answer that the protocol does not allow */
  readonly parse: (answer: BinaryNode, input: Input) => Output
}

/** Declares a query. */
export function defineIq<Input, Output>(query: IqQuery<Input, Output>): IqQuery<Input, Output> {
  return query
}
