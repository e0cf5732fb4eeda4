/** Exceptions to the tidy rules, each with its reason. One that is not needed fails the test. */
export interface Exception {
  readonly rule: string;
  readonly path: string;
  readonly why: string;
}

export const EXCEPTIONS: readonly Exception[] = [
  {
    rule: 'file-size',
    path: 'src/core/membership/hyparview.ts',
    why: 'the core of a paper: one protocol in one place',
  },
  {
    rule: 'file-size',
    path: 'src/core/gossip/plumtree.ts',
    why: 'the core of a paper: one protocol in one place',
  },
  {
    rule: 'parameter-count',
    path: 'src/transport/quic/native.ts',
    why: 'declares the functions of the native binding as they are',
  },
];
