// Opens one store of the built package and tells what came of it, as a user without special rights: the superuser may read
// and write everywhere.
import { openSqlite } from 'waton/sqlite'

const { path, user } = JSON.parse(process.argv[2])
if (user !== undefined) {
  process.setgroups([])
  process.setgid(user)
  process.setuid(user)
}
try {
  const store = await openSqlite(path)
  await store.close()
  process.send({ opened: true })
} catch ({ code, message, name }) {
  process.send({ opened: false, code, message, name })
}
process.disconnect()
