// Starts the simulated server in a process of its own and passes questions on to it.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { within } from '../harness.mjs'

/** What a subject's contestants share: `value` is the endpoint, `answer` asks the people at the other end. */
export async function startSimulatorProcess() {
  const program = fileURLToPath(new URL('simulator.mjs', import.meta.url))
  const child = fork(program, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const [{ endpoint }] = await within(20_000, 'the simulator', once(child, 'message'))
  const calls = new Map()
  let lastCall = 0
  child.on('message', ({ call, result, error }) => {
    const { resolve, reject } = calls.get(call)
    calls.delete(call)
    if (error === undefined) resolve(result)
    else reject(new Error(error))
  })
  return {
    value: endpoint,
    answer(question, input) {
      const call = ++lastCall
      const answer = new Promise((resolve, reject) => calls.set(call, { resolve, reject }))
      child.send({ call, question, input })
      return answer
    },
    async close() {
      const gone = once(child, 'exit')
      child.disconnect()
      await gone
    },
  }
}
