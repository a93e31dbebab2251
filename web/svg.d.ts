// esbuild turns a drawing into the address of itself.
declare module '*.svg' {
  const address: string;
  export default address;
}
