// The parts of an image's name. Pure. Source: Docker's reference grammar, [HOST[:PORT]/]PATH[:TAG][@DIGEST].

const DIGEST = /^sha256:[0-9a-f]{64}$/;

export interface ImageName {
  /** Without tag and digest. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

export function parseImageName(image: string): ImageName {
  const at = image.indexOf('@');
  const digest = at < 0 ? undefined : image.slice(at + 1);
  const named = at < 0 ? image : image.slice(0, at);
  const colon = named.lastIndexOf(':');
  if (colon < 0 || named.includes('/', colon)) {
    return { repository: named, tag: undefined, digest };
  }
  return { repository: named.slice(0, colon), tag: named.slice(colon + 1), digest };
}

/** The same image, named by its digest. */
export function byDigest(image: string, digest: string): string {
  return `${parseImageName(image).repository}@${digest}`;
}

export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}
