// One contestant of one subject, driven by the runner over IPC: prepares once, then runs cases when told to.
import { reply } from './harness.mjs'

const [subjectUrl, name] = process.argv.slice(2)
const { contestants } = await import(subjectUrl)
const questions = new Map()
let lastQuestion = 0
let prepared

/** Asks what the subject shares (the simulator, for example) to do something. */
function ask(question, input) {
  const call = ++lastQuestion
  const answer = new Promise((resolve, reject) => questions.set(call, { resolve, reject }))
  process.send({ call, question, input })
  return answer
}

const duties = {
  async prepare({ shared }) {
    prepared = await contestants[name]({ shared, ask })
    return Object.keys(prepared.cases)
  },
  run({ caseName, options }) {
    globalThis.gc()
    return prepared.cases[caseName].run(options)
  },
  async close() {
    await prepared?.close?.()
  },
}

process.on('message', async ({ call, answerTo, result, error, ...request }) => {
  if (answerTo === undefined) {
    process.send({ call, ...(await reply(() => duties[request.do](request))) })
    return
  }
  const waiting = questions.get(answerTo)
  questions.delete(answerTo)
  if (error === undefined) waiting.resolve(result)
  else waiting.reject(new Error(error))
})
process.on('disconnect', () => process.exit(0))
