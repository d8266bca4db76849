/** AB props: the switches that the server sets for an account. Which of them matter is the client's business. */
import { defineIq, type IqQuery } from '../iq.ts'
import { childrenOf, node, numberAttribute, requireChild } from '../../binary/node.ts'
import { serverIq } from './server-iq.ts'

/** What {@link fetchProps} sends. */
export interface PropsRequest {
  /** Hash of the props that we have, so that unchanged ones are not sent again. */
  readonly hash?: string
}

/** The switches. */
export interface AbProps {
  /** Keep it for the next {@link PropsRequest}. */
  readonly hash?: string
  /** When to ask again. */
  readonly refreshSeconds?: number
  /** Whether only changes against the sent hash are listed. */
  readonly isDelta: boolean
  /** By name, or by decimal number where the server gives no name. */
  readonly values: ReadonlyMap<string, string>
}

/**
 * Asks for the account's switches.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="get" xmlns="abt"><props protocol="1" hash="..."/></iq>
 * <iq type="result"><props hash="..." refresh="86400" delta_update="false"><prop config_code="10518" config_value="true"/></props></iq>
 * ```
 * @source Baileys 7.0.0-rc14 `Socket/chats.js` fetchProps
 */
export const fetchProps: IqQuery<PropsRequest, AbProps> = defineIq({
  name: 'props.fetch',
  build: ({ hash }) =>
    serverIq('get', 'abt', [node('props', { protocol: '1', hash: hash === '' ? undefined : hash })]),
  parse: (answer) => {
    const props = requireChild(answer, 'props')
    const values = new Map<string, string>()
    for (const { attrs } of childrenOf(props, 'prop')) {
      const name = attrs.name ?? attrs.config_code
      const value = attrs.value ?? attrs.config_value
      if (name !== undefined && value !== undefined) values.set(name, value)
    }
    const { hash } = props.attrs
    const refreshSeconds = numberAttribute(props, 'refresh')
    return {
      ...(hash === undefined ? {} : { hash }),
      ...(refreshSeconds === undefined ? {} : { refreshSeconds }),
      isDelta: props.attrs.delta_update === 'true',
      values,
    }
  },
})
