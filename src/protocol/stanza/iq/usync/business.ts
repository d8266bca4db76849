/** USync protocol: whether people are businesses, and under which name WhatsApp has verified them. */
import { childOf, contentBytes, node, type BinaryNode } from '../../../binary/node.ts'
import { decodeProto } from '../../../proto/codec.ts'
import { VerifiedNameCertificate } from '../../../proto/connection.ts'
import { errorIn } from './protocol.ts'
import type { UsyncProtocol } from './protocol.ts'

/** A business. Whoever is none has no value. */
export interface UsyncBusiness {
  /** The name in the certificate. */
  readonly verifiedName?: string
  /** How far WhatsApp has looked at it, e.g. `low`, `high`, `unknown`. */
  readonly verifiedLevel?: string
  /** Serialised `VerifiedNameCertificate`. Its signatures are WhatsApp's, and are not checked. */
  readonly certificate?: Uint8Array
}

/**
 * ```xml
 * <business><verified_name/></business>
 * <business><verified_name v="1" verified_level="high">VerifiedNameCertificate</verified_name></business>
 * ```
 *
 * @source whatsmeow `user.go` GetUserInfo, parseVerifiedName; whatsapp-rust `iq/usync.rs`
 */
export const BUSINESS: UsyncProtocol<'business', UsyncBusiness> = {
  name: 'business',
  tag: 'business',
  query: () => node('business', {}, [node('verified_name')]),
  parse(element) {
    const verified = childOf(element, 'verified_name')
    return verified === undefined || errorIn(verified) !== undefined ? {} : parseVerifiedName(verified)
  },
}

function parseVerifiedName(element: BinaryNode): UsyncBusiness {
  const level = element.attrs.verified_level
  const certificate = contentBytes(element)
  const hasCertificate = certificate !== undefined && certificate.length > 0
  const verifiedName = hasCertificate ? nameIn(certificate) : element.attrs.name
  return {
    ...(verifiedName === undefined ? {} : { verifiedName }),
    ...(level === undefined ? {} : { verifiedLevel: level }),
    ...(hasCertificate ? { certificate } : {}),
  }
}

function nameIn(certificate: Uint8Array): string | undefined {
  const { details } = decodeProto(VerifiedNameCertificate, certificate, 'VerifiedNameCertificate')
  if (!(details instanceof Uint8Array)) return undefined
  const { verifiedName } = decodeProto(
    VerifiedNameCertificate.Details,
    details,
    'VerifiedNameCertificate.Details',
  )
  return typeof verifiedName === 'string' && verifiedName !== '' ? verifiedName : undefined
}
