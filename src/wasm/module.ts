/**
 * The module: where its bytes come from. By default they are the release build's, carried in this package; a host may
 * give other bytes, a compiled module, or a URL.
 */
import { RELEASE_WASM_BASE64 } from "./module.generated.js";

export type ModuleSource = BufferSource | WebAssembly.Module | URL;

let release: Promise<WebAssembly.Module> | undefined;

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The compiled module of a source; the package's own is compiled once. */
export async function compile(source?: ModuleSource): Promise<WebAssembly.Module> {
  if (source === undefined) {
    release ??= WebAssembly.compile(decode(RELEASE_WASM_BASE64));
    return release;
  }
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof URL) {
    const response = await fetch(source);
    if (!response.ok) throw new Error(`${source}: ${response.status} ${response.statusText}`);
    return WebAssembly.compile(await response.arrayBuffer());
  }
  return WebAssembly.compile(source);
}
