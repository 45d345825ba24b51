process RECONSTRUCT {
    tag "${meta.id}"
    label 'scan'
    label 'gpu'

    input:
    tuple val(meta), path(slices, stageAs: 'slices/*')
    path model, stageAs: 'model/*'
    path embedding, stageAs: 'embedding/*'
    path weights, stageAs: 'weights/*'
    path settings
    val evidence
    val debug
    val args
    val code

    output:
    tuple val(meta), path("reconstruction/${meta.id}"), emit: reconstruction
    path "debug/${meta.id}/*.png", emit: debug, optional: true

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'reconstruct.py' slices/${meta.id} --out reconstruction/${meta.id} \\
        --model model/* ${embedding ? '--embedding embedding/*' : ''} ${weights ? '--weights weights/*' : ''} \\
        ${settings ? "--settings ${settings}" : ''} ${evidence ? "--evidence '${evidence}'" : ''} \\
        ${debug ? "--debug debug/${meta.id}" : ''} ${args}
    """

    stub:
    """
    'reconstruct.py' --help > /dev/null
    mkdir -p reconstruction/${meta.id}
    touch reconstruction/${meta.id}/{stack,evidence}.npz
    """
}
